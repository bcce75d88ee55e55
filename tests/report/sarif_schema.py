"""What SARIF 2.1.0 demands of that part of it which is written: every object is closed."""

import jsonschema

TEXT = {"type": "string", "minLength": 1}
POSITIVE = {"type": "integer", "minimum": 1}


def closed(required, **optional):
    """An object with these keys and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def array(items, least=0, unique=False):
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": unique}


MESSAGE = closed({"text": TEXT})
ARTIFACT = closed({"uri": {**TEXT, "format": "uri-reference"}}, uriBaseId={"const": "%SRCROOT%"})
REGION = closed(
    {"startLine": POSITIVE}, startColumn=POSITIVE, endColumn=POSITIVE,
    snippet=closed({"text": {"type": "string"}}),
)  # fmt: skip
LOCATION = closed(
    {},
    id={"type": "integer", "minimum": -1},
    message=MESSAGE,
    physicalLocation=closed({"artifactLocation": ARTIFACT}, region=REGION),
    logicalLocations=array(
        closed({"fullyQualifiedName": {"type": "string"}, "kind": TEXT}), unique=True
    ),
)
STEP = closed(
    {"location": LOCATION},
    executionOrder=POSITIVE,
    importance={"enum": ["important", "essential", "unimportant"]},
    kinds=array(TEXT, unique=True),
    state={"type": "object", "additionalProperties": MESSAGE},
)
CODE_FLOW = closed(
    {"threadFlows": array(closed({"locations": array(STEP, 1)}, id=TEXT, message=MESSAGE), 1)},
    message=MESSAGE,
)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = closed(
    {"id": TEXT},
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=closed({"text": TEXT}, markdown=TEXT),
    defaultConfiguration=closed({}, level=LEVEL),
    properties={"type": "object", "properties": {"tags": array(TEXT, unique=True)}},
)
RESULT = closed(
    {"message": MESSAGE},
    ruleId={"enum": ["RW001", "RW002", "RW003"]},
    ruleIndex={"type": "integer", "minimum": 0, "maximum": 2},
    level=LEVEL,
    locations=array(LOCATION),
    relatedLocations=array(LOCATION, unique=True),
    codeFlows=array(CODE_FLOW),
    stacks=array(
        closed({"frames": array(closed({}, location=LOCATION))}, message=MESSAGE), unique=True
    ),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    properties={"type": "object"},
)
INVOCATION = closed(
    {"executionSuccessful": {"type": "boolean"}},
    exitCode={"type": "integer"},
    toolExecutionNotifications=array(closed({"message": MESSAGE}, level=LEVEL)),
)
RUN = closed(
    {
        "tool": closed(
            {"driver": closed({"name": TEXT}, semanticVersion=TEXT, rules=array(RULE, unique=True))}
        )
    },
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={
        "type": "object",
        "additionalProperties": closed(
            {"uri": {"type": "string", "pattern": "^file:///.*/$|^file:///$"}}
        ),
    },
    invocations=array(INVOCATION),
    results=array(RESULT),
)
LOG = closed({"version": {"const": "2.1.0"}, "runs": array(RUN)}, **{"$schema": TEXT})
VALIDATOR = jsonschema.Draft202012Validator(LOG)

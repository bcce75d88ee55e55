"""``raceway completion``: what a shell needs to complete our commands.

The scripts are made from the options themselves, so that none is missing.  Behind ``raceway-run``
and its options the shell completes the program as if it stood alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.report.rules import RULES
from raceway_autopatch.options import FLAGS, LEVELS, SHORT, WITH_VALUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHELLS: Final = ("bash", "fish", "zsh")
_FILES: Final = ("--baseline", "--report", "--suppressions", "-o")

_BASH: Final = r"""# raceway and raceway-run for {shell}
{prologue}
_raceway_files() {{  # what else compgen is to look for
    local IFS=$'\n'
    COMPREPLY+=($(compgen -f "$@" -- "$cur"))
}}
_raceway_values() {{  # option
    case $1 in
        --fail-on) COMPREPLY=($(compgen -W "{levels}" -- "$cur")) ;;
        --watch) COMPREPLY=($(compgen -W "auto" -- "$cur")) ;;
        {files}) _raceway_files ;;
    esac
}}
_raceway_program() {{  # where our options begin
    local cur=${{COMP_WORDS[COMP_CWORD]}} at=$1
    COMPREPLY=()
    while [ "$at" -lt "$COMP_CWORD" ]; do
        case ${{COMP_WORDS[at]}} in
            --) at=$((at + 1)); break ;;
            {with_value}) at=$((at + 2)) ;;
            -m) break ;;
            -*) at=$((at + 1)) ;;
            *) break ;;
        esac
    done
    if [ "$at" -gt "$COMP_CWORD" ]; then
        _raceway_values "${{COMP_WORDS[COMP_CWORD - 1]}}"
    elif [ "$at" -eq "$COMP_CWORD" ] && [ "${{cur#-}}" != "$cur" ]; then
        COMPREPLY=($(compgen -W "{options}" -- "$cur"))
    elif [ "$at" -lt "$COMP_CWORD" ] && declare -F _command_offset >/dev/null; then
        _command_offset "$at"
    elif [ "$at" -eq "$COMP_CWORD" ]; then
        _raceway_files -c
    else
        _raceway_files
    fi
}}
_raceway_run() {{
    _raceway_program 1
}}
_raceway() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands} --help --version" -- "$cur"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
        run) _raceway_program 2; return ;;
    esac
    case $before in
        {with_value}|-o) _raceway_values "$before"; return ;;
    esac
    case ${{COMP_WORDS[1]}}:$cur in
{cases}
        explain:*) COMPREPLY=($(compgen -W "{types}" -- "$cur")); _raceway_files ;;
        completion:*) COMPREPLY=($(compgen -W "{shells}" -- "$cur")) ;;
        *) _raceway_files ;;
    esac
}}
complete -o filenames -F _raceway_run raceway-run
complete -o filenames -F _raceway raceway
"""
_ZSH: Final = "autoload -U +X compinit bashcompinit && compinit -i && bashcompinit"

_FISH: Final = r"""# raceway and raceway-run for fish
function __raceway_rest  # what follows our options: nothing as long as there is no program
    set -l words (commandline -opc)
    set -l at 2
    if test "$words[1]" = raceway
        set at 3
    end
    while test $at -le (count $words)
        switch $words[$at]
            case --
                set at (math $at + 1)
                break
            case {with_value}
                set at (math $at + 2)
            case -m
                break
            case '-*'
                set at (math $at + 1)
            case '*'
                break
        end
    end
    if test $at -le (count $words)
        string join \n -- $words[$at..-1]
    end
end
function __raceway_no_program
    test (count (__raceway_rest)) -eq 0
end
function __raceway_complete_program
    set -l word (commandline -ct)
    complete --do-complete="$(string join ' ' -- (string escape -- (__raceway_rest))) $word"
end
function __raceway_programs
    set -l word (commandline -ct)
    complete --do-complete="$word"
end
complete -c raceway-run -f -n 'not __raceway_no_program' -a '(__raceway_complete_program)'
complete -c raceway-run -f -n __raceway_no_program -a '(__raceway_programs)'
{run_options}
complete -c raceway -f -n __fish_use_subcommand -a '{commands}'
complete -c raceway -n '__fish_seen_subcommand_from explain' -a '{types}'
complete -c raceway -f -n '__fish_seen_subcommand_from completion' -a '{shells}'
complete -c raceway -f -n '__fish_seen_subcommand_from run; and not __raceway_no_program' \
    -a '(__raceway_complete_program)'
complete -c raceway -F -n '__fish_seen_subcommand_from report explain baseline'
{command_options}
"""


def completion(shell: str, commands: Mapping[str, Sequence[str]]) -> str:
    """Return the script that teaches a shell our commands.

    Args:
        shell: One of :data:`SHELLS`.
        commands: The subcommands of ``raceway``, with the options of each.
    """
    options = [*WITH_VALUE, *FLAGS, *SHORT]
    words = {
        "shell": shell,
        "levels": " ".join(LEVELS),
        "types": " ".join(rule.type for rule in RULES),
        "shells": " ".join(SHELLS),
        "commands": " ".join(("run", *commands)),
    }
    if shell == "fish":
        return _FISH.format(
            **words,
            with_value=" ".join(WITH_VALUE),
            run_options="\n".join(
                _fish("raceway-run", name, "__raceway_no_program") for name in options
            ),
            command_options="\n".join(
                _fish("raceway", name, f"__fish_seen_subcommand_from {command}")
                for command, names in commands.items()
                for name in names
            ),
        )
    cases = [
        f'        {command}:-*) COMPREPLY=($(compgen -W "{" ".join(names)}" -- "$cur")) ;;'
        for command, names in commands.items()
        if names
    ]
    return _BASH.format(
        **words,
        prologue=_ZSH if shell == "zsh" else "",
        with_value="|".join(WITH_VALUE),
        files="|".join(_FILES),
        options=" ".join(options),
        cases="\n".join(cases),
    )


def _fish(program: str, name: str, condition: str) -> str:
    kind = "-l" if name.startswith("--") else "-s"
    line = f"complete -c {program} -n '{condition}' {kind} {name.lstrip('-')}"
    if name == "--fail-on":
        return f"{line} -x -a '{' '.join(LEVELS)}'"
    if name == "--watch":
        return f"{line} -x -a auto"
    if name in _FILES:
        return f"{line} -r -F"
    return f"{line} -x" if name in WITH_VALUE else line

"""One renderer a file: what the engine found, as text for people and as JSON for programs."""

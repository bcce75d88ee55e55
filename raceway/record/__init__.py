"""The hot path: what runs in the application's own threads for every access and lock."""

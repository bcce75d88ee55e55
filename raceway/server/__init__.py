"""``raceway serve``: takes events of any Raceway SDK, keeps them, analyses them and shows it."""

"""From a tracked call to the server: build the event, buffer it, deliver it in order."""

"""A web page and an HTTP API over opened indexes: `crossmodal serve`. `app.create_app` makes it; nothing here is imported before."""

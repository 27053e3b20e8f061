"""A page that explains photographs in a browser, without a server."""

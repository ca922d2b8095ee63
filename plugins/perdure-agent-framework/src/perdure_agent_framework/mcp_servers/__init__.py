"""MCP servers: asked and called in activities, on connections that a worker keeps."""

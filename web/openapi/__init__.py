"""What the OpenAPI description says beside the schemas."""

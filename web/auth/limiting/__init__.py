"""How much may be asked of the service: rates, and room for a request before its body is read."""

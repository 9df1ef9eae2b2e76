"""The OpenAPI document beside the schemas: responses, errors, headers, examples."""

"""What all servers have in common: TLS certificates, `Retry-After`, errors of Redis, secrets in their messages."""

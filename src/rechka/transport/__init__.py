"""gRPC in: the server, what every call goes through, one servicer a service."""

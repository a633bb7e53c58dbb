"""What two services need today: contracts, delivery, stores, HTTP, telemetry, calendar arithmetic."""

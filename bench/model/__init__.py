"""The model: what one request takes over any network, predicted from what it takes without one. Pure."""

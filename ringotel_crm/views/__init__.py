"""Pages and endpoints outside the admin and the JSON framework."""

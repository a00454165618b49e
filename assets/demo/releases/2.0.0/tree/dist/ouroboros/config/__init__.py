"""What the user can set, read strictly."""

"""The field's own programs, a module each: from our settings to arguments and files."""

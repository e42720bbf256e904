"""Door 1: the hooks of Ringotel's JSON framework, and the document that describes them."""

"""Problems are sorted into five bins by difficulty."""

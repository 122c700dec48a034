"""Pure space: coordinates, extents, topology, travel. No input or output, no clock, no drawing."""

//! From the bytes of a frame to a typed event.

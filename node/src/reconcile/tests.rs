//! Two ends of a link.

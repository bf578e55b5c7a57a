//! From the outcome of a pass to what others see: conditions, Events, metrics and the next visit.

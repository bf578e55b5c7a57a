//! `certificates` of the REST API.

use crate::sim::route::Route;

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[];

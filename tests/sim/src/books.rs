//! What is true, beside the clients, to be compared with what they say: what was written, and who was where.

use crate::{members::Ledger, tabs::Stood, truth::Truth};

/// The books of one world.
#[derive(Debug, Default)]
pub struct Books {
    /// What was written.
    pub truth: Truth,
    /// Who was where.
    pub ledger: Ledger,
    /// Where the leaders of tabs have been.
    pub(crate) stood: Stood,
}

//! What is said in words: the end of an upgrade, the plan as a document, the texts left in the install.

pub(crate) mod documents;
pub(crate) mod final_report;
pub(crate) mod past;
pub(crate) mod plan_document;
pub(crate) mod relaunch;
pub(crate) mod shared_phrases;

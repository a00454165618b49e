//! What is said in words: the end of an upgrade, the plan as a document, the texts left in the install.

pub mod documents;
pub mod final_report;
pub mod plan_document;
pub mod words;

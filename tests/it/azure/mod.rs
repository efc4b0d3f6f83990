//! Azure: signatures beside those of Microsoft's own library.

mod sas;

//! Azure: signatures of containers, judged by Microsoft's own library, by a strict Azure and by Azurite.

mod blob;
mod sas;

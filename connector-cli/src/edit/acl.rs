//! Access lists of POSIX: whom a file is open to beside its owner, its group and all others. A file that takes
//! another one's place takes over its list; the mode alone would open it to the group, where the list did not.

use std::fs::File;
use std::path::Path;

/// Gives a new file the access list of the one that it replaces, or none where that has none: what it got from its
/// folder goes. One that is closed to its group is so to all whom the list names. `false` when that could not be
/// done.
#[cfg(target_os = "linux")]
pub(super) fn take_over(file: &File, old: &Path, is_closed: bool) -> bool {
    use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, getxattr};
    use rustix::io::Errno;
    let mut list = vec![0; LARGEST];
    match getxattr(old, NAME, list.as_mut_slice()) {
        Ok(length) => {
            list.truncate(length);
            if is_closed {
                close(&mut list);
            }
            fsetxattr(file, NAME, &list, XattrFlags::empty()).is_ok()
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => {
            matches!(fremovexattr(file, NAME), Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP))
        }
        Err(_) => false,
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn take_over(_: &File, _: &Path, _: bool) -> bool {
    true
}

#[cfg(target_os = "linux")]
const NAME: &str = "system.posix_acl_access";
/// The system keeps nothing larger.
#[cfg(target_os = "linux")]
const LARGEST: usize = 65_536;

/// Takes away what users and groups by name, the group and all others may; what stands for the first ones is the
/// mask, so that the list itself stays.
#[cfg(target_os = "linux")]
fn close(list: &mut [u8]) {
    const HEADER: usize = 4;
    const MASK: u16 = 0x10;
    const OTHERS: u16 = 0x20;
    let (_, entries) = list.split_at_mut(HEADER.min(list.len()));
    // Tag, rights and id, the first two in 16 bits each.
    for entry in entries.chunks_exact_mut(8) {
        if matches!(u16::from_le_bytes([entry[0], entry[1]]), MASK | OTHERS) {
            entry[2..4].fill(0);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use connector_tests::skip::skip;
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    use super::super::{Held, Mode};
    use super::NAME;

    const BOB: u32 = 4711;
    const NOBODY: u32 = u32::MAX;

    /// The owner may read and write, Bob what `bob` says, the group nothing, all of them no more than `mask`.
    fn list(bob: u16, mask: u16) -> Vec<u8> {
        let entries =
            [(0x01, 6, NOBODY), (0x02, bob, BOB), (0x04, 0, NOBODY), (0x10, mask, NOBODY), (0x20, 0, NOBODY)];
        let bytes = entries.into_iter().flat_map(|(tag, rights, id): (u16, u16, u32)| {
            [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
        });
        2_u32.to_le_bytes().into_iter().chain(bytes).collect()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        /// A folder with a file in it, where files have lists.
        fn new(test: &str) -> Option<Self> {
            let folder = Self(tempfile::tempdir().expect("a folder"));
            std::fs::write(folder.file(), "a").expect("written");
            match setxattr(folder.file(), NAME, &list(4, 4), XattrFlags::empty()) {
                Ok(()) => Some(folder),
                Err(error) => {
                    skip(test, format!("files have no access lists here: {error}"));
                    None
                }
            }
        }

        fn file(&self) -> PathBuf {
            self.0.path().join("config")
        }

        /// The list and the mode of the file.
        fn now(&self) -> (Option<Vec<u8>>, u32) {
            let mut list = vec![0; 4096];
            let length = getxattr(self.file(), NAME, list.as_mut_slice());
            let list = length.ok().map(|it| list[..it].to_vec());
            (list, std::fs::metadata(self.file()).expect("there").permissions().mode() & 0o777)
        }

        fn write(&self, text: &str, mode: Mode) {
            Held::open(&self.file()).expect("opened").write(Some(text), mode).expect("written");
        }
    }

    /// C30: whom a list lets in stays in, and the group that it keeps out stays out.
    #[test]
    fn c30_an_access_list_stays() {
        let Some(folder) = Folder::new("c30_an_access_list_stays") else { return };
        assert_eq!(folder.now(), (Some(list(4, 4)), 0o640), "the mask stands where the group's rights do");
        folder.write("b", Mode::Kept);
        assert_eq!(folder.now(), (Some(list(4, 4)), 0o640));
        folder.write("c", Mode::Closed);
        assert_eq!(folder.now(), (Some(list(4, 0)), 0o600), "a secret is for the owner alone");
        folder.write("d", Mode::Again(0o640));
        assert_eq!(folder.now(), (Some(list(4, 4)), 0o640), "and when it is gone all is as before");
    }

    /// C30: a folder's list is for new files, and not for one that takes an old one's place.
    #[test]
    fn c30_a_folders_list_opens_nothing() {
        let Some(folder) = Folder::new("c30_a_folders_list_opens_nothing") else { return };
        std::fs::remove_file(folder.file()).expect("removed");
        std::fs::write(folder.file(), "a").expect("written");
        std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(0o640)).expect("set");
        let for_new = "system.posix_acl_default";
        setxattr(folder.0.path(), for_new, &list(6, 6), XattrFlags::empty()).expect("set");
        assert_eq!(folder.now(), (None, 0o640));
        folder.write("b", Mode::Kept);
        assert_eq!(folder.now(), (None, 0o640));
        std::fs::remove_file(folder.file()).expect("removed");
        folder.write("c", Mode::Kept);
        assert_eq!(folder.now(), (Some(list(6, 0)), 0o600), "a new one is for the owner alone");
    }
}

//! Reading a file to its end. `std::fs::read` does it too: it asks for the size first, which `/proc` does
//! not know, and would add 4 KiB to a small program.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The content of a file.
pub(crate) fn content(path: &Path) -> io::Result<Vec<u8>> {
    rest_of(&File::open(path)?, usize::MAX)
}

/// The content of a file that is text.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(content(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What a file holds from where it stands.
///
/// # Errors
///
/// `InvalidData`: it is longer than that.
pub(crate) fn rest_of(mut file: &File, length_max: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut part = [0; 4096];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(content),
            Ok(length) => content.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if content.len() > length_max {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    /// A process can show all of its memory as its command line.
    #[test]
    fn longer_file_is_not_read_to_its_end() {
        let path = std::env::temp_dir().join(format!("daemon-read-{}", std::process::id()));
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(&[7; 9000]).unwrap();
        let mut read = |length_max| {
            file.rewind().unwrap();
            let content = rest_of(&file, length_max).ok();
            (
                content.map(|content| content.len()),
                file.stream_position().unwrap(),
            )
        };
        assert_eq!(read(9000), (Some(9000), 9000));
        assert_eq!(read(8999).0, None);
        let (content, position) = read(10);
        assert_eq!(content, None);
        assert!(position < 9000);
    }
}

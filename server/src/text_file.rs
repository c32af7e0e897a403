//! Small files that hold a text: read whole, and never more of them than they may have.

use std::{fs::File, io, io::Read, path::Path};

/// Reads a file of at most so many bytes, whatever the file says of its length.
///
/// # Errors
/// As reading does, and [`io::ErrorKind::FileTooLarge`].
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is over {most} bytes")));
    }
    Ok(text)
}

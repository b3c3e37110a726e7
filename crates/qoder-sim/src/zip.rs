//! Archives in the zip format, whole in memory.

use std::collections::HashSet;
use std::io::Read;

use bytes::Bytes;
use flate2::Crc;
use flate2::read::DeflateDecoder;

/// A file of an archive: its path, and what is in it.
pub(crate) type Entry = (String, Bytes);

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// The length of an end without a comment, and of the longest comment.
const END_LENGTH: usize = 22;
const LONGEST_COMMENT: usize = 0xffff;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// The first day that the format knows.
const DAY: u16 = 1 << 5 | 1;

/// An archive of these files, which are stored as they are. `None` if they are too many or too
/// large for the format.
pub(crate) fn write(files: &[Entry]) -> Option<Bytes> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (path, content) in files {
        let at = u32::try_from(archive.len()).ok()?;
        let size = u32::try_from(content.len()).ok()?;
        let mut crc = Crc::new();
        crc.update(content);
        // From the version that is needed to the length of the extra field.
        let mut common = Vec::new();
        for short in [20, UTF8, 0, 0, DAY] {
            put16(&mut common, short);
        }
        for long in [crc.sum(), size, size] {
            put32(&mut common, long);
        }
        put16(&mut common, u16::try_from(path.len()).ok()?);
        put16(&mut common, 0);
        put32(&mut archive, LOCAL);
        archive.extend(&common);
        archive.extend(path.as_bytes());
        archive.extend(content);
        put32(&mut directory, CENTRAL);
        put16(&mut directory, 20);
        directory.extend(&common);
        directory.extend([0; 10]);
        put32(&mut directory, at);
        directory.extend(path.as_bytes());
    }
    let at = u32::try_from(archive.len()).ok()?;
    let count = u16::try_from(files.len()).ok()?;
    let length = u32::try_from(directory.len()).ok()?;
    archive.extend(directory);
    put32(&mut archive, END);
    for short in [0, 0, count, count] {
        put16(&mut archive, short);
    }
    put32(&mut archive, length);
    put32(&mut archive, at);
    put16(&mut archive, 0);
    Some(archive.into())
}

/// The files of an archive, without its folders. They have at most so many bytes together.
pub(crate) fn read(archive: &Bytes, max: usize) -> Result<Vec<Entry>, &'static str> {
    const BROKEN: &str = "it is no zip archive, or a broken one";
    let end = end(archive).ok_or(BROKEN)?;
    let count = get16(archive, end + 10).ok_or(BROKEN)?;
    let mut at = get32(archive, end + 16).ok_or(BROKEN)?;
    let (mut files, mut paths, mut left) = (Vec::new(), HashSet::new(), max);
    for _ in 0..count {
        if get32(archive, at) != Some(CENTRAL as usize) {
            return Err(BROKEN);
        }
        let short = |offset: usize| get16(archive, at + offset).ok_or(BROKEN);
        let long = |offset: usize| get32(archive, at + offset).ok_or(BROKEN);
        let (flags, method) = (short(8)?, short(10)?);
        let (crc, packed, size, local) = (long(16)?, long(20)?, long(24)?, long(42)?);
        let (name, extra, comment) = (short(28)?, short(30)?, short(32)?);
        let path = archive.get(at + 46..at + 46 + name).ok_or(BROKEN)?;
        let path = std::str::from_utf8(path).map_err(|_| "a name in it is not UTF-8")?;
        at += 46 + name + extra + comment;
        if path.ends_with('/') {
            continue;
        }
        if flags & 1 == 1 {
            return Err("it is encrypted");
        }
        if get32(archive, local) != Some(LOCAL as usize) {
            return Err(BROKEN);
        }
        let name = get16(archive, local + 26).ok_or(BROKEN)?;
        let extra = get16(archive, local + 28).ok_or(BROKEN)?;
        let start = local + 30 + name + extra;
        let packed = archive.get(start..start + packed).ok_or(BROKEN)?;
        left = left.checked_sub(size).ok_or("it is too large")?;
        let content = match method {
            0 => packed.to_vec(),
            8 => {
                let mut content = Vec::new();
                // One byte more than it should have shows that it has more.
                let mut unpacked = DeflateDecoder::new(packed).take(size as u64 + 1);
                unpacked.read_to_end(&mut content).map_err(|_| BROKEN)?;
                content
            }
            _ => return Err("it is packed in an unknown way"),
        };
        let mut sum = Crc::new();
        sum.update(&content);
        if content.len() != size || sum.sum() as usize != crc {
            return Err(BROKEN);
        }
        if !paths.insert(path.to_owned()) {
            return Err("a file is in it twice");
        }
        files.push((path.to_owned(), content.into()));
    }
    Ok(files)
}

/// Returns the position of the end record.
fn end(archive: &[u8]) -> Option<usize> {
    let last = archive.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(LONGEST_COMMENT);
    let mut places = (first..=last).rev();
    places.find(|at| get32(archive, *at) == Some(END as usize))
}

fn get16(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*bytes).into())
}

fn get32(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn put16(to: &mut Vec<u8>, value: u16) {
    to.extend(value.to_le_bytes());
}

fn put32(to: &mut Vec<u8>, value: u32) {
    to.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    const MAX: usize = 1000;

    fn files() -> Vec<Entry> {
        vec![
            ("a/ä.md".to_owned(), Bytes::from("text")),
            ("a/empty".to_owned(), Bytes::new()),
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let archive = write(&files()).expect("an archive");
        assert_eq!(read(&archive, MAX), Ok(files()));
        assert_eq!(read(&archive, 4), Ok(files()));
        assert_eq!(read(&archive, 3), Err("it is too large"));
        let commented = [&archive[..archive.len() - 2], b"\x02\0hi"].concat();
        assert_eq!(read(&commented.into(), MAX), Ok(files()));
        let twice = [files(), files()].concat();
        let twice = write(&twice).expect("an archive");
        assert_eq!(read(&twice, MAX), Err("a file is in it twice"));
        let folder = write(&[("a/".to_owned(), Bytes::new())]).expect("an archive");
        assert_eq!(read(&folder, MAX), Ok(Vec::new()));
    }

    #[test]
    fn packed_files_are_read() {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&[b'a'; 500]).expect("memory");
        let packed = packed.finish().expect("memory");
        let mut crc = Crc::new();
        crc.update(&[b'a'; 500]);
        let stored = write(&[("a".to_owned(), packed.into())]).expect("an archive");
        let mut archive = stored.to_vec();
        let end = end(&archive).expect("an end");
        let central = get32(&archive, end + 16).expect("a place");
        let mut put = |offset: usize, bytes: &[u8]| {
            archive[central + offset..][..bytes.len()].copy_from_slice(bytes);
        };
        put(10, &[8, 0]);
        put(16, &crc.sum().to_le_bytes());
        put(24, &500_u32.to_le_bytes());
        let content = Bytes::from(vec![b'a'; 500]);
        let whole = Bytes::from(archive.clone());
        assert_eq!(read(&whole, MAX), Ok(vec![("a".to_owned(), content)]));
        assert_eq!(read(&whole, 499), Err("it is too large"));
        // It says that it has less than it has.
        archive[central + 24..][..4].copy_from_slice(&20_u32.to_le_bytes());
        assert!(read(&archive.into(), MAX).is_err());
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let archive = write(&files()).expect("an archive");
        for cut in 0..archive.len() {
            assert!(read(&archive.slice(..cut), MAX).is_err(), "{cut}");
        }
        for at in 0..archive.len() {
            let mut bytes = archive.to_vec();
            bytes[at] ^= 0xff;
            // Whatever it says, there is an answer.
            let _ = read(&bytes.into(), MAX);
        }
        assert!(read(&Bytes::from_static(b"text"), MAX).is_err());
    }
}

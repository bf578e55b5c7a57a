//! A gzipped tar archive with one file, as the debuginfo calls send it. Nothing is compressed.

/// The archive.
pub(crate) fn tar_gz(name: &str, content: &[u8]) -> Vec<u8> {
    gzip(&tar(name, content))
}

fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(512);
    let field = |header: &mut Vec<u8>, text: &str, width: usize| {
        let end = header.len() + width;
        header.extend(text.bytes().take(width));
        header.resize(end, 0);
    };
    for (text, width) in [
        (name, 100),
        ("0000644\0", 8),
        ("0000000\0", 8),
        ("0000000\0", 8),
        (&format!("{:011o}\0", content.len()), 12),
        ("00000000000\0", 12),
        ("        ", 8),
        ("0", 1),
        ("", 100),
        ("ustar\u{0}00", 8),
    ] {
        field(&mut header, text, width);
    }
    header.resize(512, 0);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *place = byte;
    }
    let mut archive = header;
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// The same data as a gzip file.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut chunks = data.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
        out.push(u8::from(chunks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(chunk);
    }
    out.extend(crc32(data).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_right() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let header = tar("a", b"xyz");
        assert_eq!(
            (header.len(), &header[124..135], &header[257..262]),
            (2048, &b"00000000003"[..], &b"ustar"[..])
        );
        let stored: u32 = u32::from_str_radix(std::str::from_utf8(&header[148..154]).unwrap(), 8).unwrap();
        let sum: u32 = header[..148]
            .iter()
            .chain(&[b' '; 8])
            .chain(&header[156..512])
            .map(|byte| u32::from(*byte))
            .sum();
        assert_eq!(stored, sum);
    }

    #[test]
    fn what_was_packed_can_be_unpacked() {
        let packed = gzip(&[7; 70_000]);
        let body = &packed[10..packed.len() - 8];
        assert_eq!(super::super::inflate::inflate(body), Some(vec![7; 70_000]));
    }
}

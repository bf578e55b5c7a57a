//! `module.json` out of a module's package: a zip archive inside a multipart upload.

use super::inflate::inflate;
use crate::sim::call::ApiError;
use serde_json::{Map, Value};

/// What the package says of its module.
///
/// # Errors
/// 400 for an upload without a readable `module.json`.
pub(crate) fn metadata(upload: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let wrong = |text: &str| ApiError::bad_request(format!("the upload is no module package: {text}"));
    let bytes = entry(upload, b"module.json").ok_or_else(|| wrong("there is no module.json in it"))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong("module.json is not JSON"))?;
    value
        .as_object()
        .cloned()
        .ok_or_else(|| wrong("module.json is not an object"))
}

/// The content of a file in the archive, found by its central directory.
fn entry(archive: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    const LOCAL: &[u8] = b"PK\x03\x04";
    const CENTRAL: &[u8] = b"PK\x01\x02";
    let start = find(archive, LOCAL)?;
    let mut at = find(archive, CENTRAL)?;
    loop {
        let header = archive.get(at..).filter(|rest| rest.starts_with(CENTRAL))?;
        let field = |offset: usize| u16_at(header, offset);
        let (name_len, extra_len, comment_len) = (field(28)?, field(30)?, field(32)?);
        let name = header.get(46..46 + name_len)?;
        if name.ends_with(wanted) {
            let (method, packed, local) = (field(10)?, u32_at(header, 20)?, u32_at(header, 42)?);
            let local = archive.get(start.checked_add(local)?..)?;
            let data = 30 + u16_at(local, 26)? + u16_at(local, 28)?;
            let data = local.get(data..data.checked_add(packed)?)?;
            return match method {
                0 => Some(data.to_vec()),
                8 => inflate(data),
                _ => None,
            };
        }
        at += 46 + name_len + extra_len + comment_len;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*two)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*four)).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A multipart body around a zip archive with `module.json`, not compressed.
    pub(crate) fn package(json: &[u8]) -> Vec<u8> {
        zip(0, json, json.len())
    }

    fn zip(method: u16, data: &[u8], size: usize) -> Vec<u8> {
        let name = b"module.json";
        let sizes = |out: &mut Vec<u8>| {
            out.extend(0_u32.to_le_bytes());
            out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            out.extend(u32::try_from(size).unwrap().to_le_bytes());
            out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            out.extend(0_u16.to_le_bytes());
        };
        let mut out = b"--x\r\nContent-Disposition: form-data; name=\"module\"\r\n\r\n".to_vec();
        out.extend(b"PK\x03\x04\x14\0\0\0");
        out.extend(method.to_le_bytes());
        out.extend([0; 4]);
        sizes(&mut out);
        out.extend(name);
        out.extend(data);
        out.extend(b"PK\x01\x02\x14\0\x14\0\0\0");
        out.extend(method.to_le_bytes());
        out.extend([0; 4]);
        sizes(&mut out);
        out.extend([0; 14]);
        out.extend(name);
        out.extend(b"\r\n--x--\r\n");
        out
    }

    #[test]
    fn the_description_is_found_stored_and_deflated() {
        assert_eq!(metadata(&package(b"{\"a\":1}")).unwrap()["a"], 1);
        // "{\"a\":1}" as raw deflate, fixed codes.
        let deflated = [0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0x05, 0x00];
        assert_eq!(metadata(&zip(8, &deflated, 7)).unwrap()["a"], 1);
    }

    #[test]
    fn anything_else_is_refused() {
        for upload in [
            &b""[..],
            b"PK\x03\x04",
            &package(b"[]"),
            &zip(8, &[7, 7, 7], 3),
            &zip(9, b"x", 1),
        ] {
            assert_eq!(metadata(upload).unwrap_err().status, 400);
        }
    }
}

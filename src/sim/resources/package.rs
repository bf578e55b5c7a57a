//! `module.json` out of a module's package: a zip archive inside a multipart upload.

use super::inflate::inflate;
use crate::sim::call::ApiError;
use serde_json::{Map, Value};

/// What the package says of its module.
///
/// # Errors
/// 400 for an upload that is no package, 406 for a package whose `module.json` is not a JSON object.
pub(crate) fn metadata(upload: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if upload.is_empty() {
        let text = "there is no module in the request";
        return Err(ApiError::bad_request(text).with_code("no_module"));
    }
    let bytes = header(upload, b"module.json").and_then(|header| content(upload, header));
    let bytes = bytes.ok_or_else(|| {
        ApiError::bad_request("the package has no module.json that can be read").with_code("invalid_module")
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::not_acceptable("invalid_module", "module.json is not a JSON object"))
}

/// Whether the package has the binary of its module.
pub(crate) fn has_binary(upload: &[u8]) -> bool {
    header(upload, b".so").is_some()
}

/// What the central directory of the archive says of the file whose name ends so.
fn header<'a>(archive: &'a [u8], ending: &[u8]) -> Option<&'a [u8]> {
    const CENTRAL: &[u8] = b"PK\x01\x02";
    let mut at = find(archive, CENTRAL)?;
    loop {
        let header = archive.get(at..).filter(|rest| rest.starts_with(CENTRAL))?;
        let field = |offset: usize| u16_at(header, offset);
        let (name_len, extra_len, comment_len) = (field(28)?, field(30)?, field(32)?);
        let name = header.get(46..46 + name_len)?;
        if name.ends_with(ending) {
            return Some(header);
        }
        at += 46 + name_len + extra_len + comment_len;
    }
}

/// The content of the file that a header of the central directory tells of.
fn content(archive: &[u8], header: &[u8]) -> Option<Vec<u8>> {
    const LOCAL: &[u8] = b"PK\x03\x04";
    let start = find(archive, LOCAL)?;
    let (method, packed, local) = (u16_at(header, 10)?, u32_at(header, 20)?, u32_at(header, 42)?);
    let local = archive.get(start.checked_add(local)?..)?;
    let data = 30 + u16_at(local, 26)? + u16_at(local, 28)?;
    let data = local.get(data..data.checked_add(packed)?)?;
    match method {
        0 => Some(data.to_vec()),
        8 => inflate(data),
        _ => None,
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

    /// A multipart body around a zip archive with `module.json` and a binary, not compressed.
    pub(crate) fn package(json: &[u8]) -> Vec<u8> {
        body(&[
            ("module.so", 0, b"binary", 6),
            ("module.json", 0, json, json.len()),
        ])
    }

    /// The same without a binary.
    pub(crate) fn bare(json: &[u8]) -> Vec<u8> {
        zip(0, json, json.len())
    }

    fn zip(method: u16, data: &[u8], size: usize) -> Vec<u8> {
        body(&[("module.json", method, data, size)])
    }

    /// Name, method of compression, compressed data and size of each file.
    fn body(files: &[(&str, u16, &[u8], usize)]) -> Vec<u8> {
        let (mut locals, mut directory) = (Vec::new(), Vec::new());
        for (name, method, data, size) in files {
            let mut common = method.to_le_bytes().to_vec();
            common.extend([0; 8]);
            common.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            common.extend(u32::try_from(*size).unwrap().to_le_bytes());
            common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            common.extend([0; 2]);
            let start = u32::try_from(locals.len()).unwrap().to_le_bytes();
            for part in [b"PK\x03\x04\x14\0\0\0", &common[..], name.as_bytes(), data] {
                locals.extend(part);
            }
            for part in [
                b"PK\x01\x02\x14\0\x14\0\0\0",
                &common[..],
                &[0; 10],
                &start,
                name.as_bytes(),
            ] {
                directory.extend(part);
            }
        }
        let head = b"--x\r\nContent-Disposition: form-data; name=\"module\"\r\n\r\n";
        [&head[..], &locals, &directory, b"\r\n--x--\r\n"].concat()
    }

    #[test]
    fn the_description_is_found_stored_and_deflated() {
        assert_eq!(metadata(&package(b"{\"a\":1}")).unwrap()["a"], 1);
        assert_eq!(metadata(&bare(b"{\"a\":1}")).unwrap()["a"], 1);
        // "{\"a\":1}" as raw deflate, fixed codes.
        let deflated = [0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0x05, 0x00];
        assert_eq!(metadata(&zip(8, &deflated, 7)).unwrap()["a"], 1);
    }

    #[test]
    fn anything_else_is_refused() {
        for (upload, status, code) in [
            (&b""[..], 400, "no_module"),
            (b"PK\x03\x04", 400, "invalid_module"),
            (&zip(8, &[7, 7, 7], 3), 400, "invalid_module"),
            (&zip(9, b"x", 1), 400, "invalid_module"),
            (&package(b"[]"), 406, "invalid_module"),
            (&package(b"{"), 406, "invalid_module"),
        ] {
            let error = metadata(upload).unwrap_err();
            assert_eq!((error.status.as_u16(), error.code.as_str()), (status, code));
        }
    }

    #[test]
    fn a_binary_is_found_by_its_name() {
        assert!(has_binary(&package(b"{}")));
        assert!(!has_binary(&bare(b"{}")));
    }
}

//! Numbers and parts of texts without the format machinery and the searcher of patterns, each of which costs a browser kilobytes.

/// Appends the decimal digits of a number.
pub fn put_number(out: &mut String, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[start..]).unwrap_or_default());
}

/// Reads a decimal number: digits only, in its shortest form or not.
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Every message has three of them: what can't overflow is not checked for it.
        if number < u64::MAX / 10 {
            return Some(number * 10 + u64::from(digit));
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// What is before and after the first `separator`, which is ASCII.
pub(crate) fn split(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

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
    leading_number(text).filter(|(_, length)| *length == text.len()).map(|(number, _)| number)
}

/// Reads the decimal number with which a text begins: what it is, and how many digits it has.
pub(crate) fn leading_number(text: &str) -> Option<(u64, usize)> {
    let (mut number, mut length) = (0_u64, 0);
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        length += 1;
        // Every message has three of them: what can't overflow is not checked for it.
        number = if number < u64::MAX / 10 {
            number * 10 + u64::from(digit)
        } else {
            number.checked_mul(10)?.checked_add(u64::from(digit))?
        };
    }
    (length > 0).then_some((number, length))
}

/// What is before and after the first `separator`, which is ASCII.
pub(crate) fn split(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

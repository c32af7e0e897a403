//! What is written for the host: numbers and bytes, one after the other, nothing else. A number is eight bytes, a float with the lowest
//! byte first; bytes have their length before them, −1 for none at all. The first number of a record is what it is of, and the rest is as
//! [`machine`](crate::machine) writes it and `pkg/src/host/records.ts` reads it.

use everwire_core::protocol::{Member, Position};

/// The buffer. The first number in it is how many bytes stand in it.
pub(crate) struct Writer(Vec<u8>);

/// How large the buffer may stay.
const KEPT: usize = 256 * 1024;

impl Writer {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Forgets what was written before.
    pub(crate) fn begin(&mut self) {
        if self.0.capacity() > KEPT {
            self.0 = Vec::new();
        }
        self.0.clear();
        self.number(0.0);
    }

    /// Where it stands.
    pub(crate) fn finish(&mut self) -> *const u8 {
        self.put(0, self.0.len() as f64);
        self.0.as_ptr()
    }

    #[cfg(test)]
    pub(crate) fn written(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn number(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn whole(&mut self, number: u32) {
        self.number(number.into());
    }

    /// Exact up to 2^53.
    pub(crate) fn big(&mut self, number: u64) {
        self.number(number as f64);
    }

    /// 1 or 0.
    pub(crate) fn flag(&mut self, flag: bool) {
        self.whole(flag.into());
    }

    /// What a record is of, and what that is about.
    pub(crate) fn head(&mut self, what: u32, about: u32) {
        self.whole(what);
        self.whole(about);
    }

    /// NaN for none.
    pub(crate) fn maybe(&mut self, number: Option<f64>) {
        self.number(number.unwrap_or(f64::NAN));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.whole(bytes.len() as u32);
        self.raw(bytes);
    }

    pub(crate) fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.bytes(text.as_bytes()),
            None => self.number(-1.0),
        }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Bytes whose length is known from elsewhere.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Leaves room for numbers that are known later, and returns where that is.
    pub(crate) fn column(&mut self, numbers: usize) -> usize {
        let place = self.0.len();
        self.0.resize(place + 8 * numbers, 0);
        place
    }

    /// Writes a number where room was left for it.
    pub(crate) fn put(&mut self, place: usize, number: f64) {
        self.0[place..place + 8].copy_from_slice(&number.to_le_bytes());
    }

    /// Leaves room for a length that is known later.
    pub(crate) fn later(&mut self) -> usize {
        self.column(1) + 8
    }

    /// How many bytes were written since, into the room that was left.
    pub(crate) fn measure(&mut self, since: usize) {
        self.put(since - 8, (self.0.len() - since) as f64);
    }

    /// Its epoch, its offset.
    pub(crate) fn position(&mut self, position: Position) {
        self.bytes(position.epoch.as_str().as_bytes());
        self.big(position.offset);
    }

    /// Id, subject, info.
    pub(crate) fn member(&mut self, member: &Member) {
        self.text(Some(&member.id));
        self.text(member.subject.as_deref());
        self.text(member.info.as_deref());
    }

    /// How many, and each.
    pub(crate) fn members(&mut self, members: &[Member]) {
        self.whole(members.len() as u32);
        members.iter().for_each(|member| self.member(member));
    }

    /// A code for programs, a message for people, and whether the same may work later.
    pub(crate) fn error(&mut self, code: &str, message: &str, retryable: bool) {
        self.text(Some(code));
        self.text(Some(message));
        self.flag(retryable);
    }
}

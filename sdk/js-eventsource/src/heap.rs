//! Where the module's memory comes from: an allocator two kilobytes of brotli smaller than Rust's own, and as plain as it can be made. There are
//! few pieces at a time here, and most of them are there for as long as their event source.

#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::cell::TalcSyncCell<talc::wasm::WasmGrowAndClaim, Bins> =
    talc::cell::TalcSyncCell::new_wasm(talc::wasm::WasmGrowAndClaim);

/// What is free, by the powers of two.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
struct Bins;

#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
impl talc::base::binning::Binning for Bins {
    type AvailabilityBitField = u32;

    fn size_to_bin(size: usize) -> u32 {
        let units = (size / talc::base::CHUNK_UNIT) as u32;
        units.checked_ilog2().unwrap_or(u32::MAX)
    }
}

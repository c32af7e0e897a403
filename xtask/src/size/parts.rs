//! Which crates take the bytes of a module: the sizes of its functions by the crate in their names. For that it is
//! built once more, the same way but with the names kept.

use super::measure::thousands;
use crate::{build::optimise, run, say, workspace::Workspace};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use xshell::cmd;

/// Builds `package` with names and prints its `count` biggest crates.
pub fn report(workspace: &Workspace, package: &str, count: usize) -> Result<()> {
    let target = workspace.target.join("size");
    run::run(
        cmd!(
            workspace.shell,
            "cargo build --locked -p {package} --target wasm32-unknown-unknown --profile wasm-release --target-dir {target}"
        )
        .env("CARGO_PROFILE_WASM_RELEASE_STRIP", "debuginfo"),
    )?;
    let folder = target.join("wasm32-unknown-unknown/wasm-release");
    // A library's file has underscores where a program's keeps its hyphens.
    let names = [format!("{}.wasm", package.replace('-', "_")), format!("{package}.wasm")];
    let path = names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let path = path.with_context(|| format!("{package} left no module in {}", folder.display()))?;
    let out = target.join(package);
    run::run(cmd!(workspace.shell, "wasm-bindgen {path} --target web --out-name named --out-dir {out}"))?;
    let named = out.join("named_bg.wasm");
    optimise::optimise_with(workspace, &named, &["--debuginfo"])?;
    let bytes = std::fs::read(named)?;
    let sizes = by_crate(&bytes).context("the module is not as expected")?;
    say::heading(format_args!("{package}: its biggest crates, in bytes of code, raw"));
    for (name, size) in sizes.into_iter().take(count) {
        say::line(format_args!("{name:<50} {:>10}", thousands(size)));
    }
    Ok(())
}

/// The bytes of code of each crate, the biggest first; `None` for what is no module.
fn by_crate(module: &[u8]) -> Option<Vec<(String, usize)>> {
    let (names, sizes, imported) = read(module)?;
    let mut crates: BTreeMap<String, usize> = BTreeMap::new();
    for (index, size) in sizes.into_iter().enumerate() {
        let name =
            names.get(&(index + imported)).map_or_else(|| "(no name)".to_owned(), |name| crate_of(name));
        *crates.entry(name).or_default() += size;
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    Some(crates)
}

/// The crate that a function's (mangled) name starts with: of `<leptos::View as core::Drop>::drop` it is leptos, and
/// of a type without one, as in `<u64 as core::fmt::Display>::fmt`, the trait's.
fn crate_of(mangled: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(mangled));
    let (kind, of_trait) = name.split_once(" as ").unwrap_or((&name, ""));
    let found = [kind, of_trait].into_iter().find_map(|part| {
        let first = part.split_once("::")?.0;
        // What is before the crate's name: `<&mut `, `[`, `(`, `<dyn `.
        first.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|word| !word.is_empty())
    });
    found.unwrap_or("(exports and glue)").to_owned()
}

type Functions = (BTreeMap<usize, String>, Vec<usize>, usize);

/// The names of functions by their index, the sizes of those that have a body, and how many are imported before them.
fn read(module: &[u8]) -> Option<Functions> {
    const CUSTOM: u8 = 0;
    const IMPORT: u8 = 2;
    const CODE: u8 = 10;
    let mut rest = Reader(module.strip_prefix(b"\0asm\x01\0\0\0")?);
    let (mut names, mut sizes, mut imported) = (BTreeMap::new(), Vec::new(), 0);
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let mut section = Reader(rest.block()?);
        match id {
            IMPORT => imported = section.imported_functions()?,
            CODE => {
                for _ in 0..section.number()? {
                    sizes.push(section.block()?.len());
                }
            }
            CUSTOM if section.block()? == b"name" => names = section.function_names()?,
            _ => {}
        }
    }
    Some((names, sizes, imported))
}

/// Reads WebAssembly's binary format from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Bytes with their length before them.
    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(block)
    }

    /// How many of the import section's entries are functions.
    fn imported_functions(&mut self) -> Option<usize> {
        let mut functions = 0;
        for _ in 0..self.number()? {
            self.block()?;
            self.block()?;
            match self.byte()? {
                0 => {
                    self.number()?;
                    functions += 1;
                }
                1 => {
                    self.byte()?;
                    self.limits()?;
                }
                2 => self.limits()?,
                3 => {
                    self.byte()?;
                    self.byte()?;
                }
                _ => return None,
            }
        }
        Some(functions)
    }

    fn limits(&mut self) -> Option<()> {
        let has_most = self.byte()? & 1 == 1;
        self.number()?;
        if has_most {
            self.number()?;
        }
        Some(())
    }

    /// The functions of the name section.
    fn function_names(&mut self) -> Option<BTreeMap<usize, String>> {
        const FUNCTIONS: u8 = 1;
        let mut names = BTreeMap::new();
        while !self.0.is_empty() {
            let id = self.byte()?;
            let mut section = Reader(self.block()?);
            if id == FUNCTIONS {
                for _ in 0..section.number()? {
                    let index = section.number()?;
                    names.insert(index, String::from_utf8_lossy(section.block()?).into_owned());
                }
            }
        }
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One imported function, two with bodies of 3 and 2 bytes, and names for all.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x02\x07\x01\x01a\x01b\x00\x00\
        \x0a\x08\x02\x03\0\0\x0b\x02\0\x0b\
        \x00\x1b\x04name\x01\x14\x03\x00\x03log\x01\x06a::big\x02\x04<b::";

    #[test]
    fn bodies_are_counted_by_the_crate_of_their_names() {
        let sizes = by_crate(MODULE).unwrap();
        assert_eq!(sizes, [("a".to_owned(), 3), ("b".to_owned(), 2)]);
    }

    #[test]
    fn something_else_is_no_module() {
        assert_eq!(by_crate(b"<!doctype html>"), None);
        assert_eq!(by_crate(&MODULE[..20]), None);
    }

    #[test]
    fn the_crate_is_found_in_all_kinds_of_names() {
        assert_eq!(crate_of("leptos::mount::mount_to_body"), "leptos");
        assert_eq!(crate_of("<&mut alloc::vec::Vec<T> as core::fmt::Debug>::fmt"), "alloc");
        assert_eq!(crate_of("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"), "core");
        assert_eq!(crate_of("<u64 as core::fmt::Display>::fmt"), "core");
        assert_eq!(crate_of("client_new"), "(exports and glue)");
    }
}

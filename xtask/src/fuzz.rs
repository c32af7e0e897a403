//! `cargo xtask fuzz`: runs the fuzzers of `fuzz/` one after another, and prints what each did and found.
//!
//! What they learn stays below `target/`; the committed corpus is what they begin with, and `--minimise` renews it.

#[path = "../../fuzz/targets/src/corpus.rs"]
mod corpus;

use crate::{run, say, workspace::Workspace};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use xshell::cmd;

/// The longest file of a committed corpus, in bytes: so that all of them stay below 300 KB.
const CORPUS_BYTES: usize = 40 * 1024;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Args {
    /// Only these targets.
    #[arg(long, value_delimiter = ',')]
    target: Vec<String>,
    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Print the targets, and do nothing.
    #[arg(long)]
    list: bool,
    /// Renew the committed corpus at the end: the shortest inputs that reach all that was reached.
    #[arg(long)]
    minimise: bool,
}

/// What one target did.
struct Row {
    target: String,
    runs: String,
    runs_per_second: String,
    corpus: usize,
    findings: Vec<PathBuf>,
}

/// Fuzzes. An error when something was found.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let all = targets(workspace)?;
    if let Some(unknown) = args.target.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}: there are {}", all.join(", "));
    }
    let chosen: Vec<&String> =
        all.iter().filter(|name| args.target.is_empty() || args.target.contains(name)).collect();
    if args.list {
        chosen.iter().for_each(say::line);
        return Ok(());
    }
    require_tools(workspace)?;
    let mut rows = Vec::new();
    for target in chosen {
        say::heading(format_args!("{target}: {} s", args.seconds));
        rows.push(Fuzzer::new(workspace, target)?.fuzz(args.seconds)?);
        if args.minimise {
            Fuzzer::new(workspace, target)?.minimise()?;
        }
    }
    say::heading("summary");
    say::line(table(&rows));
    let found: Vec<String> =
        rows.iter().flat_map(|row| &row.findings).map(|path| path.display().to_string()).collect();
    if found.is_empty() {
        return Ok(());
    }
    bail!(
        "{} inputs break something; add each to the corpus with its repair:\n{}",
        found.len(),
        found.join("\n")
    )
}

/// The fuzzers, as the manifest of `fuzz/` names them. Asking for them needs no nightly compiler.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace.root.join("fuzz/Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata of fuzz/")?;
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    Ok(targets.filter(|target| target.is_bin()).map(|target| target.name.clone()).collect())
}

/// They are not fetched by themselves: hardly anybody needs them, and a second compiler is big.
fn require_tools(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let mut missing = Vec::new();
    if run::ask(cmd!(shell, "cargo +nightly --version")).is_none() {
        missing.push(
            "a nightly compiler, for the sanitizers: rustup toolchain install nightly --profile minimal",
        );
    }
    if run::ask(cmd!(shell, "cargo fuzz --version")).is_none() {
        missing.push("cargo-fuzz: cargo install --locked cargo-fuzz");
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("fuzzing needs what is missing here:\n  - {}", missing.join("\n  - "))
}

/// One fuzzer and its folders.
struct Fuzzer<'a> {
    workspace: &'a Workspace,
    target: &'a str,
    /// The committed corpus, unpacked.
    seeds: PathBuf,
    /// What it learnt, in this run and before.
    learnt: PathBuf,
    /// The inputs that broke something.
    findings: PathBuf,
}

impl<'a> Fuzzer<'a> {
    fn new(workspace: &'a Workspace, target: &'a str) -> Result<Self> {
        let folder = |what: &str| workspace.target.join("fuzz").join(what).join(target);
        let (seeds, learnt, findings) = (folder("seeds"), folder("learnt"), folder("findings"));
        let fuzzer = Self { workspace, target, seeds, learnt, findings };
        fuzzer.unpack()?;
        fs::create_dir_all(&fuzzer.learnt)?;
        fs::create_dir_all(&fuzzer.findings)?;
        Ok(fuzzer)
    }

    fn committed(&self) -> PathBuf {
        self.workspace.root.join("fuzz/corpus").join(format!("{}.txt", self.target))
    }

    /// libFuzzer wants a folder of files.
    fn unpack(&self) -> Result<()> {
        let path = self.committed();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let _ = fs::remove_dir_all(&self.seeds);
        fs::create_dir_all(&self.seeds)?;
        for (number, input) in corpus::inputs(&text)?.iter().enumerate() {
            fs::write(self.seeds.join(number.to_string()), input)?;
        }
        Ok(())
    }

    /// A run of libFuzzer over these folders; what it says goes to a file beside them. Answers whether it ended well.
    fn libfuzzer(&self, folders: &[&Path], options: &[String]) -> Result<(bool, String)> {
        let Self { workspace, target, .. } = self;
        let (shell, build) = (&workspace.shell, workspace.target.join("fuzz/build"));
        let prefix = format!("-artifact_prefix={}/", self.findings.display());
        let command = cmd!(
            shell,
            "cargo +nightly fuzz run --target-dir {build} {target} {folders...} -- {prefix} {options...}"
        );
        say::command(&command);
        let log = workspace.target.join("fuzz").join(format!("{target}.log"));
        let file = fs::File::create(&log).with_context(|| log.display().to_string())?;
        let status = Command::from(command)
            // The compiler of this process must not be the one of the fuzzers.
            .env_remove("RUSTUP_TOOLCHAIN")
            .stdin(Stdio::null())
            .stderr(file)
            .status()
            .context("cannot start cargo fuzz")?;
        Ok((status.success(), String::from_utf8_lossy(&fs::read(&log)?).into_owned()))
    }

    fn fuzz(&self, seconds: u64) -> Result<Row> {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let options = ["-print_final_stats=1", "-max_len=4096"].map(str::to_owned);
        let options = [&options[..], &[format!("-max_total_time={seconds}")]].concat();
        let (well, said) = self.libfuzzer(&[&self.learnt, &self.seeds], &options)?;
        let findings: Vec<PathBuf> = files(&self.findings)?
            .into_iter()
            .filter(|path| {
                let modified = path.metadata().and_then(|data| data.modified()).ok();
                let at = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                at.is_none_or(|at| at.as_secs() >= begun.as_secs())
            })
            .collect();
        let runs = stat(&said, "number_of_executed_units");
        if !well && findings.is_empty() {
            let end: Vec<&str> = said.lines().rev().take(20).collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            bail!("{} did not run to its end:\n{}", self.target, end.join("\n"));
        }
        Ok(Row {
            target: self.target.to_owned(),
            runs: runs.unwrap_or("?").to_owned(),
            runs_per_second: stat(&said, "average_exec_per_sec").unwrap_or("?").to_owned(),
            corpus: files(&self.learnt)?.len() + files(&self.seeds)?.len(),
            findings,
        })
    }

    /// Writes the committed corpus anew, out of all that is known.
    fn minimise(&self) -> Result<()> {
        let chosen = self.workspace.target.join("fuzz/minimised").join(self.target);
        let _ = fs::remove_dir_all(&chosen);
        fs::create_dir_all(&chosen)?;
        let options = ["-set_cover_merge=1".to_owned(), "-max_len=4096".to_owned()];
        let (well, said) = self.libfuzzer(&[&chosen, &self.seeds, &self.learnt], &options)?;
        if !well {
            bail!("{}: the corpus could not be minimised:\n{said}", self.target);
        }
        let mut inputs = Vec::new();
        for path in files(&chosen)? {
            inputs.push(fs::read(path)?);
        }
        Ok(fs::write(self.committed(), packed(inputs))?)
    }
}

/// The file of a corpus: the shortest inputs that fit into it, one a line, in their order.
fn packed(mut inputs: Vec<Vec<u8>>) -> String {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let mut text = String::new();
    for input in inputs {
        let line = input.escape_ascii().to_string();
        if text.len() + line.len() < CORPUS_BYTES {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?)
}

/// A number of libFuzzer's statistics: `stat::NAME: 17`.
fn stat<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines()
        .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn table(rows: &[Row]) -> String {
    let head = format!("{:<10} {:>12} {:>9} {:>7} {:>9}", "target", "runs", "runs/s", "corpus", "findings");
    let rows = rows.iter().map(|row| {
        let Row { target, runs, runs_per_second, corpus, findings } = row;
        format!("{target:<10} {runs:>12} {runs_per_second:>9} {corpus:>7} {:>9}", findings.len())
    });
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_statistics_are_found_by_their_names() {
        let said = "Done 17 runs in 2 second(s)\nstat::number_of_executed_units: 17\nstat::average_exec_per_sec:     8\n";
        assert_eq!(stat(said, "number_of_executed_units"), Some("17"));
        assert_eq!(stat(said, "average_exec_per_sec"), Some("8"));
        assert_eq!(stat(said, "average"), None);
    }

    #[test]
    fn a_packed_corpus_comes_back_in_order_and_within_its_bounds() {
        let inputs = vec![b"\xff\n".to_vec(), vec![b'x'; CORPUS_BYTES], Vec::new(), b"a".to_vec()];
        let text = packed(inputs);
        assert!(text.len() < CORPUS_BYTES);
        assert_eq!(corpus::inputs(&text).unwrap(), [&b""[..], b"a", b"\xff\n"]);
    }

    #[test]
    fn the_fuzzers_are_known_without_a_nightly_compiler() {
        let names = targets(&Workspace::find().unwrap()).unwrap();
        assert!(names.contains(&"sse".to_owned()), "{names:?}");
    }
}

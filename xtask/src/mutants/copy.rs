//! A copy of the sources below `target/`, to make mistakes in.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use xshell::cmd;

/// The copy.
pub struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Brings the copy up to date. Only files that differ are written, so that cargo builds only what changed; what is no
    /// longer there is removed.
    pub fn make(workspace: &Workspace) -> Result<Self> {
        let copy = Self { root: workspace.target.join("mutants/source") };
        let shell = &workspace.shell;
        let list = cmd!(shell, "git -c safe.directory=* ls-files --cached --others --exclude-standard -z")
            .quiet()
            .read()?;
        // All of them: what a crate includes in itself has any name.
        let there = |path: &&str| workspace.root.join(path).is_file();
        let paths: Vec<PathBuf> = list.split('\0').filter(there).map(PathBuf::from).collect();
        for path in &paths {
            let text = fs::read(workspace.root.join(path)).with_context(|| path.display().to_string())?;
            let target = copy.root.join(path);
            if fs::read(&target).is_ok_and(|there| there == text) {
                continue;
            }
            fs::create_dir_all(target.parent().unwrap_or(&copy.root))?;
            fs::write(&target, text).with_context(|| target.display().to_string())?;
        }
        copy.forget_others(&copy.root, &paths)?;
        Ok(copy)
    }

    fn forget_others(&self, folder: &Path, paths: &[PathBuf]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let known = path.strip_prefix(&self.root).is_ok_and(|path| paths.iter().any(|one| one == path));
            if path.is_dir() {
                self.forget_others(&path, paths)?;
            } else if !known {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of one of its files.
    pub fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| path.to_owned())
    }

    /// Puts another text into one of its files.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(path), text).with_context(|| path.to_owned())
    }
}

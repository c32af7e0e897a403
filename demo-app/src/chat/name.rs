//! The choice of a name, in the place of the composer: one can read without a name, not write.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html,
    prelude::*,
};

use super::{Layout, me, me::Me};
use crate::{browser, link::Link};

/// The form.
#[component]
pub fn NameForm() -> impl IntoView {
    let me: Me = expect_context();
    let link: Link = expect_context();
    let layout: Layout = expect_context();
    let input = NodeRef::<html::Input>::new();
    let suggestion = StoredValue::new(me::suggestion());
    let changing = layout.naming.get_untracked() && me.name.with_untracked(Option::is_some);
    let finish = move || {
        layout.naming.set(false);
        browser::focus("composer");
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(input) = input.get_untracked() else { return };
        let typed = input.value();
        let name = if typed.trim().is_empty() { suggestion.get_value() } else { typed };
        if me.rename(&name)
            && let Some(name) = me.name.get_untracked()
        {
            link.rename(&name);
        }
        finish();
    };
    let cancel = move |event: KeyboardEvent| {
        if event.key() == "Escape" && changing {
            event.stop_propagation();
            finish();
        }
    };
    if changing {
        browser::focus("name");
    }
    let start = me.name.get_untracked().map(|name| name.to_string()).unwrap_or_default();
    view! {
        <form class="name-form" on:submit=submit on:keydown=cancel>
            <label for="name">{if changing { "Your new name" } else { "Choose a name to join in" }}</label>
            <div class="name-row">
                <input
                    id="name"
                    class="field"
                    node_ref=input
                    data-testid="name-input"
                    value=start
                    placeholder=suggestion.get_value()
                    maxlength=me::NAME_LENGTH.to_string()
                    autocomplete="nickname"
                    enterkeyhint="go"
                />
                <button class="button primary" data-testid="name-save">
                    {if changing { "Save" } else { "Join" }}
                </button>
                {changing
                    .then(|| {
                        view! {
                            <button type="button" class="button" on:click=move |_| finish()>
                                "Cancel"
                            </button>
                        }
                    })}
            </div>
        </form>
    }
}

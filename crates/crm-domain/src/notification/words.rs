//! What a notification says, in English and in French.

use chrono::{DateTime, Utc};

use super::NotificationKind;
use crate::{
    Locale,
    values::{Date, Timestamp},
};

/// What the words are made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the record is called; an address for a sign-in, a file for an import, a role for a change of it.
    pub name: &'a str,
    /// Who did it; none for a job of the service.
    pub actor: Option<&'a str>,
    /// The time that it is about.
    pub at: Option<Timestamp>,
    /// The day that it is about.
    pub on: Option<Date>,
}

/// The words of one notification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Words {
    /// A few words.
    pub title: &'static str,
    /// A sentence.
    pub message: String,
}

/// The words for one kind, in one language.
pub fn words(kind: NotificationKind, locale: Locale, facts: &Facts<'_>) -> Words {
    let (title, message) = match locale {
        Locale::En => english(kind, facts),
        Locale::Fr => french(kind, facts),
    };
    Words { title, message }
}

fn shown(at: Timestamp, pattern: &str) -> String {
    DateTime::<Utc>::from(at).format(pattern).to_string()
}

fn english(kind: NotificationKind, facts: &Facts<'_>) -> (&'static str, String) {
    let Facts { name, .. } = facts;
    let actor = facts.actor.unwrap_or("The service");
    let time = facts.at.map(|at| shown(at, "%-d %B %Y at %H:%M UTC")).unwrap_or_default();
    let day = facts.on.map(|day| day.format("%-d %B %Y").to_string()).unwrap_or_default();
    match kind {
        NotificationKind::TaskAssigned => ("Task assigned to you", format!("{actor} assigned “{name}” to you.")),
        NotificationKind::TaskDue => ("Task due soon", format!("“{name}” is due on {time}.")),
        NotificationKind::TaskOverdue => ("Task overdue", format!("“{name}” was due on {time}.")),
        NotificationKind::TaskCompleted => ("Task done", format!("{actor} completed “{name}”.")),
        NotificationKind::OwnerChanged => ("You have a new record", format!("{actor} made you the owner of “{name}”.")),
        NotificationKind::PipelineSigned => ("Organisation signed", format!("{actor} moved “{name}” to signed.")),
        NotificationKind::PipelineLost => ("Organisation lost", format!("{actor} moved “{name}” to lost.")),
        NotificationKind::MandateSigned => {
            ("Mandate signed", format!("{actor} marked the mandate “{name}” as signed."))
        }
        NotificationKind::MandateExpiring => ("Mandate ends soon", format!("The mandate “{name}” ends on {day}.")),
        NotificationKind::ImportFinished => ("Import finished", format!("The import of “{name}” has ended.")),
        NotificationKind::NewSignIn => (
            "New sign-in",
            format!("Somebody signed in as you from {name} on {time}. If it was not you, change your password."),
        ),
        NotificationKind::RoleChanged => ("Your role has changed", format!("{actor} gave you the role “{name}”.")),
        NotificationKind::WebhookDisabled => (
            "Webhook switched off",
            format!(
                "The receiver of the webhook “{name}” is gone or has failed for three days. Nothing more is sent to it."
            ),
        ),
    }
}

fn french(kind: NotificationKind, facts: &Facts<'_>) -> (&'static str, String) {
    let Facts { name, .. } = facts;
    let actor = facts.actor.unwrap_or("Le service");
    let time = facts.at.map(|at| shown(at, "%d/%m/%Y à %H:%M UTC")).unwrap_or_default();
    let day = facts.on.map(|day| day.format("%d/%m/%Y").to_string()).unwrap_or_default();
    match kind {
        NotificationKind::TaskAssigned => ("Tâche attribuée", format!("{actor} vous a attribué « {name} ».")),
        NotificationKind::TaskDue => ("Tâche bientôt due", format!("« {name} » est à faire pour le {time}.")),
        NotificationKind::TaskOverdue => ("Tâche en retard", format!("« {name} » était à faire pour le {time}.")),
        NotificationKind::TaskCompleted => ("Tâche terminée", format!("{actor} a terminé « {name} ».")),
        NotificationKind::OwnerChanged => ("Nouvelle fiche pour vous", format!("{actor} vous a confié « {name} ».")),
        NotificationKind::PipelineSigned => ("Organisation signée", format!("{actor} a passé « {name} » à signé.")),
        NotificationKind::PipelineLost => ("Organisation perdue", format!("{actor} a passé « {name} » à perdu.")),
        NotificationKind::MandateSigned => {
            ("Mandat signé", format!("{actor} a marqué le mandat « {name} » comme signé."))
        }
        NotificationKind::MandateExpiring => {
            ("Mandat bientôt échu", format!("Le mandat « {name} » prend fin le {day}."))
        }
        NotificationKind::ImportFinished => ("Import terminé", format!("L’import de « {name} » est terminé.")),
        NotificationKind::NewSignIn => (
            "Nouvelle connexion",
            format!(
                "Quelqu’un s’est connecté à votre compte depuis {name} le {time}. Si ce n’était pas vous, changez votre mot de passe."
            ),
        ),
        NotificationKind::RoleChanged => ("Votre rôle a changé", format!("{actor} vous a donné le rôle « {name} ».")),
        NotificationKind::WebhookDisabled => (
            "Webhook désactivé",
            format!(
                "Le destinataire du webhook « {name} » a disparu ou échoue depuis trois jours. Plus rien ne lui est envoyé."
            ),
        ),
    }
}

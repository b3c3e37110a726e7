//! Schedules: when a deployment runs by itself.

use crate::Timestamp;
use crate::wire::Wire;

object! {
    /// When a deployment runs by itself.
    ///
    /// ```
    /// use qoder_types::Schedule;
    ///
    /// let schedule = Schedule::cron("0 9 * * *", "Asia/Shanghai"); // daily at nine
    /// assert_eq!(
    ///     serde_json::to_value(&schedule).unwrap(),
    ///     serde_json::json!({
    ///         "type": "cron", "expression": "0 9 * * *", "timezone": "Asia/Shanghai",
    ///     }),
    /// );
    /// ```
    Schedule {
        /// The kind of schedule.
        kind: ScheduleKind = "type",
        /// The times, as an expression of cron with five fields: minute, hour, day of the month,
        /// month, day of the week.
        expression: String,
        /// The time zone that the expression is meant in, by its IANA name, such as
        /// `Asia/Shanghai`.
        timezone: String,
        /// The next times. `None` if the server doesn't say. Only in what the server sends.
        upcoming_runs_at?: Vec<Timestamp>,
        /// When the deployment last ran by the schedule. `None` if it hasn't yet. Only in what the
        /// server sends.
        last_run_at?: Timestamp,
    }
}

open_enum! {
    /// The kind of a schedule.
    ScheduleKind {
        /// Times that an expression of cron names.
        Cron = "cron",
    }
}

impl Schedule {
    /// Runs at the times that `expression` names, as cron does: minute, hour, day of the month,
    /// month and day of the week, in the time zone of this IANA name. The server checks both.
    pub fn cron(expression: impl Into<String>, timezone: impl Into<String>) -> Self {
        Self {
            kind: ScheduleKind::Cron,
            expression: expression.into(),
            timezone: timezone.into(),
            ..Self::empty()
        }
    }
}

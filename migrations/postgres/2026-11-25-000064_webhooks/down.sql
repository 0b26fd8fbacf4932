DELETE FROM relay WHERE name = 'webhooks';
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DELETE FROM notifications WHERE kind = 'webhook_disabled';
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('task_assigned', 'task_due', 'task_overdue', 'task_completed', 'owner_changed', 'pipeline_signed', 'pipeline_lost', 'mandate_signed', 'mandate_expiring', 'import_finished', 'new_sign_in', 'role_changed'));

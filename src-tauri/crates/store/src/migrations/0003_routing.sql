-- Where a session's answers are made (null: where its model is), and the model at the other place.
ALTER TABLE sessions ADD COLUMN routing TEXT CHECK (routing IN ('local_only', 'local_first', 'cloud_first', 'cloud'));
ALTER TABLE sessions ADD COLUMN partner TEXT;

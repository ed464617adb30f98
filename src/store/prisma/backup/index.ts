import type { BackupStore } from '../../backup.ts';
import type { Database } from '../database.ts';
import { exportBackup } from './export.ts';
import { restoreBackup } from './restore.ts';

export function backups(database: Database): BackupStore {
  return {
    exportBackup: (options, sink) => exportBackup(database, options, sink),
    restoreBackup: (header, rows, options) => restoreBackup(database, header, rows, options),
  };
}

/** Why a file or folder cannot be used, in words. */

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to open it',
  EPERM: 'no permission to open it',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'is a file, not a folder',
  ELOOP: 'is a link that leads back to itself',
  ENAMETOOLONG: 'the name is too long',
  ENXIO: 'is a pipe, socket or device that nobody is at the other end of',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full (quota)',
  EFBIG: 'the file would be longer than is allowed',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EIO: 'the disk reports an error',
};

/** Says in a clause why a file could not be used. */
export const reasonOf = (error: unknown): string => {
  const { code = '', message, syscall } = error as NodeJS.ErrnoException;
  // The folder above is there, as under /proc, and takes none.
  if (code === 'ENOENT' && syscall === 'mkdir') return 'no folder can be made there';
  return REASONS[code] ?? message;
};

/** The system's call that failed names no file of a network connection. */
const CONNECTION = /^(connect|bind|listen|accept|getaddrinfo|sendto|kill|spawn.*)$/;

/** Whether a failure is about a file or folder: the disk is full or read-only, or something was taken away. */
export function isAboutFiles(failure: unknown): failure is NodeJS.ErrnoException {
  if (!(failure instanceof Error)) return false;
  const { code = '', syscall = '' } = failure as NodeJS.ErrnoException;
  return code in REASONS && syscall !== '' && !CONNECTION.test(syscall);
}

/** Whether a failure says that the disk, or this user's part of it, is full. */
export const isDiskFull = (failure: unknown): boolean =>
  isAboutFiles(failure) && (failure.code === 'ENOSPC' || failure.code === 'EDQUOT');

/** One clause that names the file, as far as the system says which one it is. */
export function fileReason(failure: NodeJS.ErrnoException): string {
  const { path, dest } = failure as NodeJS.ErrnoException & { dest?: string };
  const name = dest ?? path;
  return name === undefined ? `a file cannot be used: ${reasonOf(failure)}` : `${name}: ${reasonOf(failure)}`;
}

/** Which requests of users stand in the audit trail, by function; operators' deeds are written where they are done. */
export const AUDITED_FUNCTIONS: Readonly<Record<string, string>> = {
  putConsent: "consent.give",
  postConsents: "consent.give",
  deleteConsent: "consent.withdraw",
  deleteMember: "member.remove",
  createFile: "file.upload-url-issued",
  openView: "view.open",
  heartbeatView: "view.url-issued",
  closeView: "view.close",
  blockUser: "user.block",
  unblockUser: "user.unblock",
  reportMessage: "message.report",
  eraseMe: "account.erase",
  exportMe: "account.export",
};

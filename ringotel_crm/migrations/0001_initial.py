import django.db.models.deletion
import django.utils.timezone
import ringotel_crm.models.fields
import ringotel_crm.models.messages
import ringotel_crm.models.recordings
import ringotel_crm.media.storage
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Lock",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("taken_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name="Activity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "call_id",
                    models.CharField(
                        help_text="Ringotel's id of the call.",
                        max_length=255,
                        verbose_name="call id",
                    ),
                ),
                (
                    "direction",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("inbound", "inbound"),
                            ("outbound", "outbound"),
                            ("internal", "internal"),
                        ],
                        max_length=16,
                        verbose_name="direction",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ringing", "ringing"),
                            ("in_progress", "in progress"),
                            ("unknown", "end unknown"),
                            ("failed", "failed"),
                            ("busy", "busy"),
                            ("missed", "missed"),
                            ("voicemail", "voicemail"),
                            ("answered", "answered"),
                        ],
                        default="ringing",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "caller_number",
                    models.CharField(
                        blank=True,
                        help_text="As it was sent.",
                        max_length=255,
                        verbose_name="caller",
                    ),
                ),
                (
                    "caller_e164",
                    models.CharField(blank=True, max_length=16, verbose_name="caller, E.164"),
                ),
                (
                    "called_number",
                    models.CharField(
                        blank=True,
                        help_text="As it was sent.",
                        max_length=255,
                        verbose_name="called",
                    ),
                ),
                (
                    "called_e164",
                    models.CharField(blank=True, max_length=16, verbose_name="called, E.164"),
                ),
                (
                    "extension",
                    models.CharField(blank=True, max_length=64, verbose_name="extension"),
                ),
                (
                    "agent_id",
                    models.CharField(
                        blank=True,
                        help_text="The CRM's id of the user.",
                        max_length=255,
                        verbose_name="agent id",
                    ),
                ),
                ("agent_name", models.CharField(blank=True, max_length=255, verbose_name="agent")),
                (
                    "contact_id",
                    models.CharField(blank=True, max_length=255, verbose_name="contact id"),
                ),
                (
                    "contact_name",
                    models.CharField(blank=True, max_length=255, verbose_name="contact"),
                ),
                (
                    "contact_name_folded",
                    ringotel_crm.models.fields.NormalizedField(
                        blank=True, editable=False, max_length=255, source="contact_name"
                    ),
                ),
                (
                    "assigned",
                    models.BooleanField(
                        default=False,
                        help_text="A person decided whose call this is, so it is not guessed any more.",
                        verbose_name="assigned",
                    ),
                ),
                ("start", models.DateTimeField(blank=True, null=True, verbose_name="start")),
                ("end", models.DateTimeField(blank=True, null=True, verbose_name="end")),
                (
                    "duration",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Talking time in seconds.",
                        null=True,
                        verbose_name="duration",
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        help_text="The PBX's word for why it ended.",
                        max_length=64,
                        verbose_name="cause",
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=255, verbose_name="subject")),
                (
                    "subject_folded",
                    ringotel_crm.models.fields.NormalizedField(
                        blank=True, editable=False, max_length=255, source="subject"
                    ),
                ),
                ("comment", models.TextField(blank=True, verbose_name="comment")),
                (
                    "follow_up",
                    models.BooleanField(
                        default=False,
                        help_text="Somebody has to come back to this.",
                        verbose_name="follow up",
                    ),
                ),
                (
                    "phone_subject",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=255,
                        verbose_name="subject from the phone",
                    ),
                ),
                (
                    "phone_comment",
                    models.TextField(
                        blank=True, editable=False, verbose_name="comment from the phone"
                    ),
                ),
                (
                    "legal_hold",
                    models.BooleanField(
                        default=False,
                        help_text="Nothing of this call, nor its recording, is deleted meanwhile.",
                        verbose_name="legal hold",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated")),
                (
                    "contact_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "call",
                "verbose_name_plural": "calls",
                "ordering": ("-start", "-id"),
                "permissions": [
                    ("view_own_activity", "Can view the calls that he or she took"),
                    ("export_activity", "Can export calls and contacts"),
                    ("merge_contacts", "Can merge contacts"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Agent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "extension",
                    models.CharField(
                        help_text="The user's number inside the PBX.",
                        max_length=64,
                        verbose_name="extension",
                    ),
                ),
                (
                    "phone",
                    models.CharField(
                        blank=True,
                        help_text="Direct number, if there is one.",
                        max_length=64,
                        verbose_name="phone",
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ringotel_agent",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent",
                "verbose_name_plural": "agents",
                "ordering": ("extension",),
                "permissions": [("place_call", "Can call numbers by clicking on them")],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "hint",
                    models.CharField(editable=False, max_length=16, verbose_name="begins with"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True,
                        null=True,
                        validators=[ringotel_crm.models.validators.validate_reasonable_year],
                        verbose_name="expires",
                    ),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
                (
                    "last_used_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last used"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        help_text="Requests with this key act as this user.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ringotel_api_keys",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ("name",),
                "permissions": [("use_api", "Can act as Ringotel on the CRM's endpoints")],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("listened", "listened"),
                            ("downloaded", "downloaded"),
                            ("deleted", "deleted"),
                            ("exported", "exported"),
                            ("erased", "erased"),
                        ],
                        max_length=16,
                        verbose_name="action",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("recording", "recording"), ("person", "person")],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("object_id", models.CharField(blank=True, max_length=255, verbose_name="id")),
                ("user_id", models.CharField(blank=True, max_length=255, verbose_name="user id")),
                (
                    "user_name",
                    models.CharField(
                        blank=True,
                        help_text="Empty: the system itself.",
                        max_length=255,
                        verbose_name="user",
                    ),
                ),
                ("details", models.JSONField(default=dict, verbose_name="details")),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit entries",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        fields=["kind", "object_id", "-at"], name="ringotel_audited_object"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CallLeg",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("extension", models.CharField(max_length=64, verbose_name="extension")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ringing", "ringing"),
                            ("not_answered", "not answered"),
                            ("answered", "answered"),
                        ],
                        default="ringing",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "agent_id",
                    models.CharField(
                        blank=True,
                        help_text="The CRM's id of the user.",
                        max_length=255,
                        verbose_name="agent id",
                    ),
                ),
                ("agent_name", models.CharField(blank=True, max_length=255, verbose_name="agent")),
                (
                    "direction",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("inbound", "inbound"),
                            ("outbound", "outbound"),
                            ("internal", "internal"),
                        ],
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("caller_number", models.CharField(blank=True, editable=False, max_length=255)),
                ("called_number", models.CharField(blank=True, editable=False, max_length=255)),
                ("start", models.DateTimeField(blank=True, null=True, verbose_name="start")),
                ("end", models.DateTimeField(blank=True, null=True, verbose_name="end")),
                (
                    "duration",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Talking time in seconds.",
                        null=True,
                        verbose_name="duration",
                    ),
                ),
                ("cause", models.CharField(blank=True, max_length=64, verbose_name="cause")),
                (
                    "activity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="legs",
                        to="ringotel_crm.activity",
                        verbose_name="call",
                    ),
                ),
            ],
            options={
                "verbose_name": "phone of a call",
                "verbose_name_plural": "phones of a call",
                "ordering": ("start", "extension"),
            },
        ),
        migrations.CreateModel(
            name="CallSubject",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("name", models.CharField(max_length=255, verbose_name="name")),
            ],
            options={
                "verbose_name": "call subject",
                "verbose_name_plural": "call subjects",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "name"), name="ringotel_one_row_a_subject"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "our_id",
                    models.CharField(
                        editable=False,
                        help_text="Ringotel's id of the user, else our number.",
                        max_length=64,
                    ),
                ),
                (
                    "our_number",
                    models.CharField(
                        blank=True,
                        help_text="Number or extension.",
                        max_length=64,
                        verbose_name="our number",
                    ),
                ),
                (
                    "their_key",
                    models.CharField(
                        editable=False,
                        help_text="E.164 where it can be read, else as sent.",
                        max_length=64,
                    ),
                ),
                ("their_number", models.CharField(max_length=64, verbose_name="their number")),
                ("agent_id", models.CharField(blank=True, max_length=255, verbose_name="agent id")),
                ("agent_name", models.CharField(blank=True, max_length=255, verbose_name="agent")),
                (
                    "contact_id",
                    models.CharField(blank=True, max_length=255, verbose_name="contact id"),
                ),
                (
                    "contact_name",
                    models.CharField(blank=True, max_length=255, verbose_name="contact"),
                ),
                (
                    "last_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last message"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "contact_type",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "conversation",
                "verbose_name_plural": "conversations",
                "ordering": ("-last_at", "-id"),
                "permissions": [("send_message", "Can send messages")],
            },
        ),
        migrations.CreateModel(
            name="DirectoryEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("contact_id", models.CharField(max_length=255, verbose_name="contact id")),
                ("ringotel_id", models.CharField(max_length=64, verbose_name="Ringotel's id")),
            ],
            options={
                "verbose_name": "directory entry",
                "verbose_name_plural": "directory entries",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "contact_id"), name="ringotel_one_entry_a_contact"
                    ),
                    models.UniqueConstraint(
                        fields=("scope", "ringotel_id"), name="ringotel_one_contact_an_entry"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("contact_id", models.CharField(max_length=255, verbose_name="contact id")),
                ("reason", models.CharField(max_length=255, verbose_name="reason")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "contact_type",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "legal hold",
                "verbose_name_plural": "legal holds",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "message_id",
                    models.CharField(
                        editable=False, help_text="Ringotel's id of the message.", max_length=255
                    ),
                ),
                ("is_outgoing", models.BooleanField(default=False, verbose_name="sent by us")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                (
                    "state",
                    models.CharField(
                        choices=[("sent", "sent"), ("delivered", "delivered"), ("read", "read")],
                        default="sent",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("at", models.DateTimeField(blank=True, null=True, verbose_name="time")),
                ("edited_at", models.DateTimeField(blank=True, null=True, verbose_name="edited")),
                ("deleted_at", models.DateTimeField(blank=True, null=True, verbose_name="deleted")),
                (
                    "file_url",
                    models.TextField(
                        blank=True,
                        help_text="Where Ringotel keeps the file.",
                        verbose_name="file's address",
                    ),
                ),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        editable=False,
                        max_length=255,
                        storage=ringotel_crm.media.storage.recording_storage,
                        upload_to=ringotel_crm.models.messages.attachment_path,
                        verbose_name="file",
                    ),
                ),
                (
                    "file_error",
                    models.CharField(
                        blank=True, max_length=255, verbose_name="why there is no file"
                    ),
                ),
                ("file_attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="ringotel_crm.conversation",
                        verbose_name="conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "contact_id",
                    models.CharField(editable=False, max_length=255, verbose_name="contact id"),
                ),
                (
                    "contact_name",
                    models.CharField(
                        blank=True, editable=False, max_length=255, verbose_name="contact"
                    ),
                ),
                ("text", models.TextField(verbose_name="note")),
                (
                    "due",
                    models.DateField(
                        blank=True,
                        db_index=True,
                        null=True,
                        validators=[ringotel_crm.models.validators.validate_reasonable_year],
                        verbose_name="follow up on",
                    ),
                ),
                (
                    "done_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="done"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "author",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "contact_type",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="PhoneIndex",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("e164", models.CharField(max_length=16, verbose_name="E.164")),
                ("object_id", models.CharField(max_length=255, verbose_name="object id")),
                (
                    "content_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="content type",
                    ),
                ),
            ],
            options={
                "verbose_name": "indexed number",
                "verbose_name_plural": "indexed numbers",
            },
        ),
        migrations.CreateModel(
            name="Progress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("value", models.JSONField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "name"), name="ringotel_one_row_a_progress"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Recording",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        max_length=255,
                        storage=ringotel_crm.media.storage.recording_storage,
                        upload_to=ringotel_crm.models.recordings.recording_path,
                        verbose_name="file",
                    ),
                ),
                ("content_type", models.CharField(max_length=64, verbose_name="content type")),
                ("codec", models.CharField(blank=True, max_length=64, verbose_name="codec")),
                ("size", models.PositiveBigIntegerField(help_text="Bytes.", verbose_name="size")),
                (
                    "seconds",
                    models.FloatField(
                        blank=True, help_text="Seconds.", null=True, verbose_name="length"
                    ),
                ),
                ("sha256", models.CharField(editable=False, max_length=64)),
                ("peaks", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "withdrawn",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Its deletion has begun: nobody hears it any more.",
                        verbose_name="withdrawn",
                    ),
                ),
                (
                    "deleted_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="deleted"
                    ),
                ),
                (
                    "activity",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recording",
                        to="ringotel_crm.activity",
                        verbose_name="call",
                    ),
                ),
            ],
            options={
                "verbose_name": "recording",
                "verbose_name_plural": "recordings",
                "ordering": ("-id",),
                "permissions": [
                    ("listen_own_recording", "Can listen to recordings of own calls"),
                    (
                        "listen_team_recording",
                        "Can listen to recordings of calls of users in the same group",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RemoteUser",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                ("ringotel_id", models.CharField(max_length=64, verbose_name="Ringotel's id")),
                ("name", models.CharField(blank=True, max_length=255, verbose_name="name")),
                (
                    "extension",
                    models.CharField(blank=True, max_length=64, verbose_name="extension"),
                ),
                ("email", models.CharField(blank=True, max_length=254, verbose_name="e-mail")),
                (
                    "agent_id",
                    models.CharField(
                        blank=True,
                        help_text="The CRM's id of the user.",
                        max_length=255,
                        verbose_name="agent id",
                    ),
                ),
                (
                    "agent_name",
                    models.CharField(
                        blank=True, editable=False, max_length=255, verbose_name="agent"
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        choices=[("email", "e-mail address"), ("extension", "extension")],
                        editable=False,
                        max_length=16,
                        verbose_name="matched by",
                    ),
                ),
                ("confirmed", models.BooleanField(default=False, verbose_name="confirmed")),
            ],
            options={
                "verbose_name": "Ringotel user",
                "verbose_name_plural": "Ringotel users",
                "ordering": ("confirmed", "name", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "ringotel_id"), name="ringotel_one_row_a_remote_user"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="scope"
                    ),
                ),
                (
                    "name",
                    models.SlugField(
                        help_text="The last part of the URL.",
                        max_length=100,
                        unique=True,
                        verbose_name="name",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "user",
                    models.ForeignKey(
                        help_text="Events are processed as this user.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ringotel_webhooks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("method", models.CharField(blank=True, max_length=64, verbose_name="method")),
                (
                    "body",
                    models.TextField(
                        help_text="JSON as it came, without the token.", verbose_name="body"
                    ),
                ),
                (
                    "received_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="received"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("processed", "processed"),
                            ("ignored", "not known here"),
                            ("failed", "failed"),
                        ],
                        default="pending",
                        max_length=16,
                        verbose_name="outcome",
                    ),
                ),
                ("error", models.TextField(blank=True, verbose_name="error")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "processed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="processed"),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="ringotel_crm.webhook",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="WebhookToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "hint",
                    models.CharField(editable=False, max_length=16, verbose_name="begins with"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True,
                        null=True,
                        validators=[ringotel_crm.models.validators.validate_reasonable_year],
                        verbose_name="expires",
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last used"
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to="ringotel_crm.webhook",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "token",
                "verbose_name_plural": "tokens",
                "ordering": ("-id",),
            },
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["-start", "-id"], name="ringotel_call_start"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["contact_type", "contact_id", "-start"], name="ringotel_call_contact"
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["agent_id", "-start"], name="ringotel_call_agent"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["status", "-start", "-id"], name="ringotel_call_status"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["follow_up", "-start", "-id"], name="ringotel_call_follow_up"
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["caller_e164", "-start"], name="ringotel_call_caller"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["called_e164", "-start"], name="ringotel_call_called"),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["contact_name_folded"],
                name="ringotel_call_name",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["subject_folded"],
                name="ringotel_call_subject",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.AddConstraint(
            model_name="activity",
            constraint=models.UniqueConstraint(
                fields=("scope", "call_id"), name="ringotel_one_row_a_call"
            ),
        ),
        migrations.AddConstraint(
            model_name="agent",
            constraint=models.UniqueConstraint(
                fields=("scope", "extension"), name="ringotel_one_agent_an_extension"
            ),
        ),
        migrations.AddConstraint(
            model_name="callleg",
            constraint=models.UniqueConstraint(
                fields=("activity", "extension"), name="ringotel_one_leg_an_extension"
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                fields=["contact_type", "contact_id", "-last_at"], name="ringotel_conv_contact"
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["-last_at", "-id"], name="ringotel_conv_last"),
        ),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.UniqueConstraint(
                fields=("scope", "our_id", "their_key"), name="ringotel_one_conversation"
            ),
        ),
        migrations.AddIndex(
            model_name="legalhold",
            index=models.Index(fields=["contact_type", "contact_id"], name="ringotel_held_contact"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                fields=("scope", "message_id"), name="ringotel_one_row_a_message"
            ),
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(
                fields=["contact_type", "contact_id", "-id"], name="ringotel_note_contact"
            ),
        ),
        migrations.AddIndex(
            model_name="phoneindex",
            index=models.Index(fields=["e164", "scope"], name="ringotel_index_e164"),
        ),
        migrations.AddConstraint(
            model_name="phoneindex",
            constraint=models.UniqueConstraint(
                fields=("content_type", "object_id", "e164"), name="ringotel_one_entry_a_number"
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(fields=["deleted_at", "created_at"], name="ringotel_recording_age"),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(fields=["file"], name="ringotel_recording_file"),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(fields=["outcome", "id"], name="ringotel_event_outcome"),
        ),
    ]

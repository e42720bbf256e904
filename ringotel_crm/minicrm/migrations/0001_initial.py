import django.db.models.deletion
import ringotel_crm.minicrm.fields
import ringotel_crm.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "first_name",
                    models.CharField(blank=True, max_length=150, verbose_name="first name"),
                ),
                (
                    "last_name",
                    models.CharField(blank=True, max_length=150, verbose_name="last name"),
                ),
                (
                    "name_folded",
                    ringotel_crm.minicrm.fields.FullNameField(
                        blank=True, editable=False, max_length=255, source="first_name"
                    ),
                ),
                (
                    "last_name_folded",
                    ringotel_crm.models.fields.NormalizedField(
                        blank=True, editable=False, max_length=150, source="last_name"
                    ),
                ),
                (
                    "job_title",
                    models.CharField(blank=True, max_length=150, verbose_name="job title"),
                ),
                (
                    "email",
                    ringotel_crm.minicrm.fields.LowerEmailField(
                        blank=True, db_index=True, max_length=254, verbose_name="e-mail"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, db_index=True, verbose_name="updated"),
                ),
            ],
            options={
                "verbose_name": "contact",
                "verbose_name_plural": "contacts",
                "ordering": ("last_name", "first_name", "id"),
            },
        ),
        migrations.CreateModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=255, verbose_name="name")),
                (
                    "name_folded",
                    ringotel_crm.models.fields.NormalizedField(
                        blank=True, editable=False, max_length=255, source="name"
                    ),
                ),
                (
                    "phone",
                    models.CharField(
                        blank=True,
                        help_text="As typed, in any notation.",
                        max_length=64,
                        verbose_name="phone",
                    ),
                ),
                (
                    "e164",
                    ringotel_crm.minicrm.fields.E164Field(
                        blank=True,
                        editable=False,
                        max_length=16,
                        source="phone",
                        verbose_name="E.164",
                    ),
                ),
                (
                    "email",
                    ringotel_crm.minicrm.fields.LowerEmailField(
                        blank=True, db_index=True, max_length=254, verbose_name="e-mail"
                    ),
                ),
                ("website", models.URLField(blank=True, verbose_name="website")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, db_index=True, verbose_name="updated"),
                ),
                (
                    "main_contact",
                    models.ForeignKey(
                        blank=True,
                        help_text="Shown when the organization's own number calls; without one, its oldest contact.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="ringotel_minicrm.contact",
                        verbose_name="main contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "organization",
                "verbose_name_plural": "organizations",
                "ordering": ("name", "id"),
            },
        ),
        migrations.AddField(
            model_name="contact",
            name="organization",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="contacts",
                to="ringotel_minicrm.organization",
                verbose_name="organization",
            ),
        ),
        migrations.CreateModel(
            name="ContactPhone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("work", "work"),
                            ("mobile", "mobile"),
                            ("home", "home"),
                            ("fax", "fax"),
                            ("other", "other"),
                        ],
                        default="work",
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                (
                    "raw",
                    models.CharField(
                        help_text="As typed, in any notation.",
                        max_length=255,
                        verbose_name="number",
                    ),
                ),
                (
                    "e164",
                    ringotel_crm.minicrm.fields.E164Field(
                        blank=True,
                        editable=False,
                        max_length=16,
                        source="raw",
                        verbose_name="E.164",
                    ),
                ),
                (
                    "extension",
                    models.CharField(blank=True, max_length=16, verbose_name="extension"),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="phones",
                        to="ringotel_minicrm.contact",
                        verbose_name="contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "number",
                "verbose_name_plural": "numbers",
                "ordering": ("id",),
                "indexes": [models.Index(fields=["e164"], name="ringotel_phone_e164")],
            },
        ),
        migrations.AddIndex(
            model_name="organization",
            index=models.Index(
                fields=["name_folded"],
                name="ringotel_organization_name",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="organization",
            index=models.Index(fields=["e164"], name="ringotel_organization_e164"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["last_name", "first_name", "id"], name="ringotel_contact_name"
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["name_folded"],
                name="ringotel_contact_full_name",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["last_name_folded"],
                name="ringotel_contact_last_name",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
    ]
